// This file is the trustless gateway: blocks and CAR files of the store, over HTTP.

package node

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/gateway"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rosser-lang/rosser/graph/store"
)

const (
	maxRequests = 256 // to the gateway at a time
	maxWalks    = 8   // whole sub-DAGs that are being written: each remembers which blocks it has written
	idleTime    = 30 * time.Second
)

// newGateway answers /ipfs/CID with blocks and CAR files only, and /ipns/NAME with records. A page that is rendered from somebody's data would share its origin
// with the API.
func newGateway(s *store.Store, registry *prometheus.Registry) (http.Handler, error) {
	bs := s.Blockstore()
	blocks, err := gateway.NewBlocksBackend(blockservice.New(bs, offline.Exchange(bs)),
		gateway.WithMaxTraversalDepth(0), gateway.WithPrometheusRegistry(registry))
	if err != nil {
		return nil, err
	}
	return gateway.NewHandler(gateway.Config{
		NoDNSLink: true, DisableHTMLErrors: true, MetricsRegistry: registry, MaxConcurrentRequests: maxRequests, RetrievalTimeout: idleTime,
	}, backend{blocks, s, make(chan struct{}, maxWalks)}), nil
}

// A backend is boxo's, but writes whole sub-DAGs itself: boxo walks them with a selector, whose time and memory grow with the square of
// the depth.
type backend struct {
	*gateway.BlocksBackend
	store *store.Store
	walks chan struct{}
}

func (b backend) GetCAR(ctx context.Context, p path.ImmutablePath, params gateway.CarParams) (gateway.ContentPathMetadata, io.ReadCloser, error) {
	if root := p.RootCid(); len(p.Segments()) == 2 { // what is not there is no empty CAR file
		if has, err := b.store.Has(ctx, root); err != nil || !has {
			return gateway.ContentPathMetadata{}, nil, errors.Join(err, ipld.ErrNotFound{Cid: root})
		}
	}
	if params.Scope != gateway.DagScopeAll || params.Range != nil || len(p.Segments()) > 2 || params.Duplicates.Bool() {
		return b.BlocksBackend.GetCAR(ctx, p, params)
	}
	about, err := b.ResolvePath(ctx, p)
	if err != nil {
		return b.BlocksBackend.GetCAR(ctx, p, params)
	}
	select {
	case b.walks <- struct{}{}:
	case <-ctx.Done():
		return gateway.ContentPathMetadata{}, nil, ctx.Err()
	}
	r, w := io.Pipe()
	go func() {
		defer func() { <-b.walks }()
		_, err := b.store.WriteCAR(ctx, []cid.Cid{about.LastSegment.RootCid()}, w, true)
		w.CloseWithError(err)
	}()
	return about, r, nil
}
