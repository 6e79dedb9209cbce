// This file counts what is reduced for whom: a peer has as much as it is given, and so have all peers of one address together, since keys are free.

package node

import (
	"cmp"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	manet "github.com/multiformats/go-multiaddr/net"
)

// An account is what one has had.
type account struct {
	tasks   int // that wait or run, also those that are only being fetched
	running int // processes that began for it
	since   time.Time
	time    time.Duration // of processes since then
	fuel    uint64        // steps
}

// accounts are those of all who have asked of late.
type accounts map[string]*account

const (
	accountTime = time.Hour
	maxAccounts = 10_000 // beyond, half of those who have nothing done now are forgotten, those who have had the least
)

// of is the account of who, as it is now.
func (as accounts) of(who string) *account {
	now := time.Now()
	a := as[who]
	if a == nil {
		if len(as) >= maxAccounts {
			as.forgetIdle()
		}
		a = &account{since: now}
		as[who] = a
	}
	if now.Sub(a.since) > accountTime {
		a.since, a.time, a.fuel = now, 0, 0
	}
	return a
}

// forgetIdle forgets the half of those who have nothing done now that has had less: so many strangers as fit do not make who has spent his hour one of them.
func (as accounts) forgetIdle() {
	idle := make([]string, 0, len(as))
	for who, a := range as {
		if a.idle() {
			idle = append(idle, who)
		}
	}
	slices.SortFunc(idle, func(x, y string) int {
		return cmp.Or(cmp.Compare(as[x].time, as[y].time), cmp.Compare(as[x].fuel, as[y].fuel), strings.Compare(x, y))
	})
	for _, who := range idle[:(len(idle)+1)/2] {
		delete(as, who)
	}
}

func (a *account) idle() bool { return a.tasks == 0 && a.running == 0 }

// spent says whether an account has had its time or its steps, times over.
func (a *account) spent(l Limits, times int) bool {
	return a.time >= l.EachTime*time.Duration(times) || l.EachFuel > 0 && a.fuel/uint64(times) >= l.EachFuel
}

// forget forgets who has had nothing.
func (as accounts) forget(who string) {
	if a := as[who]; a != nil && a.idle() && a.time == 0 && a.fuel == 0 {
		delete(as, who)
	}
}

// A client is who has a task done. The accounts of this machine's own programs are not charged.
type client struct {
	who     string // peer or address
	address string // where it is (customerOf); "" for this machine's own programs
}

// admit counts a task of a client before anything is done for it, until leave is called.
func (w *workers) admit(c client) (leave func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	own := w.peers.of(c.who)
	near := &account{}
	if c.address != "" {
		near = w.nearby.of(c.address)
	}
	switch {
	case own.tasks >= w.limits.Each:
		err = errManyOfIt
	case near.tasks >= w.limits.Each*w.limits.Address:
		err = errNearby
	case own.spent(w.limits, 1), near.spent(w.limits, w.limits.Address):
		err = errSpent
	case w.asked >= askedFor*(w.limits.Queue+w.limits.Jobs):
		err = errBusy
	}
	if err == nil {
		own.tasks++
		near.tasks++
		w.asked++
	}
	leave = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked--
		own.tasks--
		near.tasks--
		w.forgetLocked(c)
	}
	w.forgetLocked(c)
	return leave, err
}

func (w *workers) forgetLocked(c client) {
	w.peers.forget(c.who)
	w.nearby.forget(c.address)
}

// chargeLocked charges a client for what was reduced while it waited.
func (w *workers) chargeLocked(c client, took time.Duration, steps uint64) {
	if c.free() {
		return
	}
	charge := func(a *account) {
		a.time += max(took, 0)
		a.fuel += min(steps, math.MaxUint64-a.fuel)
	}
	charge(w.peers.of(c.who))
	if c.address != "" {
		charge(w.nearby.of(c.address))
	}
}

// free says whether a client is a program of this machine.
func (c client) free() bool {
	addr, err := netip.ParseAddr(c.who)
	return err == nil && addr.IsLoopback()
}

const askedFor = 4 // how many may ask for one task that waits or runs, by and large

// clientOf is who sends a request.
func (n *Node) clientOf(r *http.Request) client {
	c := client{who: remote(r)}
	if id, ok := remotePeer(r); ok {
		c.address = n.addressOf(id)
	} else if addr, err := netip.ParseAddr(c.who); err == nil && !c.free() {
		c.address = customerOf(addr)
	}
	return c
}

// addressOf is the address that a peer is connected from.
func (n *Node) addressOf(id peer.ID) string {
	for _, conn := range n.host.Network().ConnsToPeer(id) {
		ip, err := manet.ToIP(conn.RemoteMultiaddr())
		if err != nil {
			continue
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			return customerOf(addr)
		}
	}
	return "unknown"
}

// customerOf is an address, and of IPv6 the network that one customer has.
func customerOf(addr netip.Addr) string {
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		if net, err := addr.Prefix(customerBits); err == nil {
			return net.String()
		}
	}
	return addr.String()
}

const customerBits = 56
