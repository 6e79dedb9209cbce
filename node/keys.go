// This file keeps keys that have names: DIR/keys/NAME, libp2p private keys as `ipfs key export` writes them, for their owner alone.

package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/rosser-lang/rosser/trust"
)

const maxKeyFile = 16 << 10 // an RSA key of 8192 bits is some 5 kB

var keyName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)

// NamedKey returns the key of a name of the store in dir, and makes an Ed25519 key when there is none. Of several processes that make it at once
// all get the same.
func NamedKey(dir, name string) (crypto.PrivKey, error) {
	if !keyName.MatchString(name) {
		return nil, fmt.Errorf("got %.80q, want the name of a key: letters, digits, _, - and . (not first), at most 64", name)
	}
	file := filepath.Join(dir, "keys", name)
	key, err := readKey(file)
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
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*") // its mode is 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err := errors.Join(err, tmp.Close()); err != nil {
		return nil, err
	}
	// A hard link is made by one of them only, and of a file that is whole.
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readKey(file)
}

func readKey(file string) (crypto.PrivKey, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: got a %s, want a file with a private key", file, info.Mode().Type())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: its mode is %04o, so others may have read this private key; if nobody has: chmod 600 %s", file, mode, file)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("%s: got more than %d bytes, want a private key", file, maxKeyFile)
	}
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: not a libp2p private key: %w", file, err)
	}
	return key, nil
}

// ownKeys are all keys of the store in dir: that of the machine, and those with names.
func ownKeys(dir string) (keys []crypto.PrivKey, err error) {
	machine, err := trust.Key(dir)
	if err != nil {
		return nil, err
	}
	keys = append(keys, machine)
	files, err := os.ReadDir(filepath.Join(dir, "keys"))
	if errors.Is(err, fs.ErrNotExist) {
		return keys, nil
	}
	for _, f := range files {
		if keyName.MatchString(f.Name()) {
			key, err := readKey(filepath.Join(dir, "keys", f.Name()))
			if err != nil {
				return keys, err
			}
			keys = append(keys, key)
		}
	}
	return keys, err
}

// renewNames signs again from time to time what the names of this store's keys stand for, and tells the DHT, until ctx ends.
func (n *Node) renewNames(ctx context.Context) {
	for wait := newsEvery; ; wait = renewEvery {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		keys, err := ownKeys(n.store.Dir())
		for _, key := range keys {
			err = errors.Join(err, n.renewOwn(ctx, key))
		}
		if err != nil && ctx.Err() == nil {
			n.log.Warn("names", "error", err)
		}
	}
}

const renewEvery = 6 * time.Hour

func (n *Node) renewOwn(ctx context.Context, key crypto.PrivKey) error {
	if err := renewName(ctx, n.store, key); err != nil || n.routing == nil {
		return err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return err
	}
	return n.putName(ctx, ipns.NameFromPeer(id))
}

// putName puts the record of a name into the DHT.
func (n *Node) putName(ctx context.Context, name ipns.Name) error {
	r, _, err := keptName(ctx, n.store, name)
	if err != nil || r.Record == nil || n.routing == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, routingTime)
	defer cancel()
	return n.routing.PutValue(ctx, string(name.RoutingKey()), r.data)
}
