// This file keeps the key of this machine: DIR/key, a libp2p private key, Ed25519, for its owner alone.

package trust

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libp2p/go-libp2p/core/crypto"
)

const maxKeyFile = 16 << 10 // an RSA key of 8192 bits is some 5 kB

// KeyFile is where the key of the store in dir stands.
func KeyFile(dir string) string { return filepath.Join(dir, "key") }

// Key returns the key of the store in dir, and makes it when there is none. Of several processes that make it at once all get the same.
func Key(dir string) (crypto.PrivKey, error) {
	path := KeyFile(dir)
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	fresh, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, err
	}
	data, err := crypto.MarshalPrivateKey(fresh)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	tmp, err := writeBeside(path, data)
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp)
	// A hard link is made by one of them only, and of a file that is whole.
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	return readKey(path)
}

func readKey(path string) (crypto.PrivKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: got a %s, want a file with a private key", path, info.Mode().Type())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: its mode is %04o, so others may have read this private key; if nobody has: chmod 600 %s, else remove it, and a new one is made", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("%s: got more than %d bytes, want a private key", path, maxKeyFile)
	}
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: not a libp2p private key (%w); remove it, and a new one is made, which nobody knows yet", path, err)
	}
	return key, nil
}

// writeBeside writes a file that is to stand at path, for its owner alone, to a name beside it, which it returns.
func writeBeside(path string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // its mode is 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
