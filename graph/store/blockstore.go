// This file gives a Store to the IPFS libraries: as a go-datastore, over which stands boxo's blockstore.

package store

import (
	"context"
	"errors"

	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/datastore/dshelp"
	ds "github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
)

// Blockstore returns the store's blocks as boxo's blockstore. It verifies what is read, and what is written must
// have the CID that it comes with.
func (s *Store) Blockstore() blockstore.Blockstore {
	bs := blockstore.NewBlockstore(datastore{s}, blockstore.NoPrefix(), blockstore.WriteThrough(true))
	return blockstore.NewIdStore(&blockstore.ValidatingBlockstore{Blockstore: bs})
}

// A datastore is the blocks of a Store. Its keys are multihashes in base32, as boxo makes them.
type datastore struct{ s *Store }

func (d datastore) key(k ds.Key) (string, error) {
	hash, err := dshelp.DsKeyToMultihash(k)
	if err != nil {
		return "", err
	}
	return string(blockPrefix) + string(hash), nil
}

func (d datastore) Get(ctx context.Context, k ds.Key) ([]byte, error) {
	key, err := d.key(k)
	if err != nil {
		return nil, err
	}
	d.s.use.add(key)
	if data, ok := d.s.pending(key); ok {
		return data, nil
	}
	data, ok, err := d.s.get(ctx, []byte(key))
	if err == nil && !ok {
		err = ds.ErrNotFound
	}
	return data, err
}

func (d datastore) Has(ctx context.Context, k ds.Key) (bool, error) {
	key, err := d.key(k)
	if err != nil {
		return false, err
	}
	return d.s.hasKey(ctx, key)
}

func (d datastore) GetSize(ctx context.Context, k ds.Key) (int, error) {
	data, err := d.Get(ctx, k)
	if err != nil {
		return -1, err
	}
	return len(data), nil
}

func (d datastore) Put(ctx context.Context, k ds.Key, data []byte) error {
	key, err := d.key(k)
	if err != nil {
		return err
	}
	return d.s.putKey(ctx, key, data)
}

func (d datastore) Delete(ctx context.Context, k ds.Key) error {
	key, err := d.key(k)
	if err != nil {
		return err
	}
	return d.s.forget(ctx, key)
}

func (d datastore) Sync(ctx context.Context, _ ds.Key) error { return d.s.Flush(ctx) }

// Close does nothing: the Store is closed by whoever opened it.
func (d datastore) Close() error { return nil }

func (d datastore) Batch(context.Context) (ds.Batch, error) { return batch{d}, nil }

// A batch is the queue: it keeps the order, and nothing is gained by holding things back.
type batch struct{ datastore }

func (b batch) Commit(context.Context) error { return nil }

// Query lists the blocks; it is made for AllKeysChan, and cannot do more than it needs.
func (d datastore) Query(ctx context.Context, q query.Query) (query.Results, error) {
	if q.Prefix != "" && q.Prefix != "/" || len(q.Filters) > 0 || len(q.Orders) > 0 || q.Offset > 0 {
		return nil, errors.New("store: a query can only list all blocks")
	}
	if err := d.s.Flush(ctx); err != nil {
		return nil, err
	}
	var page []entry
	var after []byte
	left, done := q.Limit, false
	next := func() (query.Result, bool) {
		if len(page) == 0 && !done {
			err := d.s.ask(ctx, func(l link) (err error) {
				page, err = l.scan([]byte{blockPrefix}, after, 1024)
				return
			})
			if err != nil {
				done = true
				return query.Result{Error: err}, true
			}
			done = len(page) == 0
		}
		if done || q.Limit > 0 && left == 0 {
			return query.Result{}, false
		}
		e := page[0]
		page, after, left = page[1:], e.key, left-1
		r := query.Entry{Key: dshelp.NewKeyFromBinary(e.key[1:]).String(), Size: len(e.value)}
		if !q.KeysOnly {
			r.Value = e.value
		}
		return query.Result{Entry: r}, true
	}
	return query.ResultsFromIterator(q, query.Iterator{Next: next}), nil
}
