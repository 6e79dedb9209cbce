// This file lifts entities to the top: what each captures, in order, and which of them are one recursion group.

package compile

import (
	"slices"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// lift finds the captures and the groups of what the file's tops reach, and emits everything, callees first.
func (c *compiler) lift() {
	all := c.reach()
	c.capture(all)
	if len(c.errors) > 0 {
		return
	}
	number := make(map[*entity]int, len(all))
	for i, e := range all {
		number[e] = i
	}
	edges := make([][]int, len(all))
	for i, e := range all {
		for _, u := range e.uses {
			if n := u.mentioned(); n != nil {
				edges[i] = append(edges[i], number[n])
			}
		}
	}
	for _, component := range components(len(all), func(i int) []int { c.tick(); return edges[i] }) {
		members := make([]*entity, len(component))
		for i, j := range component {
			members[i] = all[j]
		}
		if len(members) > 1 || slices.Contains(edges[component[0]], component[0]) {
			c.emitGroup(members)
		} else {
			members[0].order(nil, c.tick)
			c.emitEntity(members[0])
		}
		if len(c.errors) > 0 {
			return
		}
	}
	c.finish()
}

// mentioned returns the entity that a term for the use mentions; nil when it mentions a variable.
func (u use) mentioned() *entity {
	switch {
	case u.v == nil:
		return u.e
	case u.bound:
		if u.v.live && len(u.e.free) > 0 {
			return u.e
		}
		return nil // left out
	case u.v.fn != nil:
		if fn := u.v.fn.real(); len(fn.free) == 0 {
			return fn
		}
	}
	return nil
}

// reach returns the entities that the tops reach, and notes what each of them uses.
func (c *compiler) reach() []*entity {
	var all []*entity
	met := map[*entity]bool{}
	meet := func(e *entity) {
		if !met[e] {
			met[e] = true
			all = append(all, e)
		}
	}
	for _, t := range c.order {
		meet(t.entity)
	}
	for i := 0; i < len(all); i++ {
		c.scan(all[i])
		for _, u := range all[i].uses {
			switch {
			case u.v == nil:
				meet(u.e)
			case u.v.fn != nil && !u.bound: // a function that a let binds and nobody mentions is left out
				u.v.live = true
				meet(u.v.fn.real())
			}
		}
	}
	return all
}

// scan notes what the body of e uses, each once, in preorder of first mention.
func (c *compiler) scan(e *entity) {
	seen := map[use]bool{}
	note := func(u use) {
		if !seen[u] {
			seen[u] = true
			e.uses = append(e.uses, u)
		}
	}
	stack := []*node{e.body}
	for len(stack) > 0 {
		c.tick()
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		args := n.args
		switch n.op {
		case graph.OpVar:
			if n.v.fn != nil || n.v.owner.real() != e {
				note(use{v: n.v})
			}
		case graph.OpLam:
			note(use{e: n.e.real()})
		case graph.OpLet:
			if n.v.fn != nil {
				note(use{v: n.v, e: n.v.fn.real(), bound: true})
				args = args[1:]
			}
		}
		for i := len(args) - 1; i >= 0; i-- {
			stack = append(stack, args[i])
		}
	}
}

// capture finds the least sets of captures: of what an entity mentions of variables of others, and of the captures of
// the entities it mentions, those that are not its own. A function that a let binds is captured itself, if it
// captures anything; if not, it is no variable but a link.
func (c *compiler) capture(all []*entity) {
	type pair struct {
		e *entity
		v *variable
	}
	var queue []pair
	waiting := map[*entity][]pair{} // for a function to capture something
	add := func(e *entity, v *variable) {
		if v.owner.real() == e || e.free[v] {
			return
		}
		if e.kind == expression {
			panic("BUG: a top-level expression captures a variable")
		}
		if n := len(e.params) + len(e.free); n >= graph.MaxArity {
			c.errorf(e.span, "%s has %d parameters and captures more than %d variables, want at most %d together", e.title(), len(e.params), len(e.free), graph.MaxArity)
			return
		}
		if e.free == nil {
			e.free = map[*variable]bool{}
		}
		e.free[v] = true
		queue = append(queue, pair{e, v})
	}
	for _, e := range all {
		for _, u := range e.uses {
			if u.e != nil {
				if !u.bound || u.v.live {
					u.e.users = append(u.e.users, e)
				}
			} else if u.v.fn != nil {
				fn := u.v.fn.real()
				waiting[fn] = append(waiting[fn], pair{e, u.v})
			}
		}
	}
	for _, e := range all {
		for _, u := range e.uses {
			if u.e == nil && u.v.fn == nil {
				add(e, u.v)
			}
		}
	}
	for len(queue) > 0 {
		c.tick()
		p := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, user := range p.e.users {
			add(user, p.v)
		}
		for _, w := range waiting[p.e] {
			add(w.e, w.v)
		}
		delete(waiting, p.e)
	}
}

// order puts the captures of e in order: as a walk over its body meets them, which enters each other member of its group
// at its first mention.
func (e *entity) order(g *group, tick func()) {
	if len(e.free) == 0 {
		return
	}
	e.caps = make([]*variable, 0, len(e.free))
	met := make(map[*variable]bool, len(e.free))
	entered := map[*entity]bool{e: true}
	meet := func(v *variable) {
		if e.free[v] && !met[v] {
			met[v] = true
			e.caps = append(e.caps, v)
		}
	}
	stack := []*entity{e}
	at := []int{0}
	for len(stack) > 0 && len(e.caps) < len(e.free) {
		tick()
		top := len(stack) - 1
		m := stack[top]
		if at[top] == len(m.uses) {
			stack, at = stack[:top], at[:top]
			continue
		}
		u := m.uses[at[top]]
		at[top]++
		n := u.mentioned()
		switch {
		case n == nil:
			if !u.bound {
				meet(u.v)
			}
		case n.group == nil || n.group != g:
			for _, v := range n.caps {
				meet(v)
			}
		case !entered[n]:
			entered[n] = true
			stack, at = append(stack, n), append(at, 0)
		}
	}
	e.level = make(map[*variable]int, len(e.caps))
	for i, v := range e.caps {
		e.level[v] = i
	}
}

// cycle reports a definition that is neither a function nor lazy, and is defined in terms of itself.
func (c *compiler) cycle(members []*entity) bool {
	in := map[*entity]bool{}
	for _, e := range members {
		in[e] = true
	}
	var from *entity
	for _, e := range members {
		if e.kind == expression && (from == nil || e.span.Start < from.span.Start) {
			from = e
		}
	}
	if from == nil {
		return false
	}
	// The shortest way back to it.
	before := map[*entity]*entity{}
	queue := []*entity{from}
	for i := 0; i < len(queue) && before[from] == nil; i++ {
		for _, u := range queue[i].uses {
			if n := u.mentioned(); n != nil && in[n] && before[n] == nil {
				before[n] = queue[i]
				queue = append(queue, n)
			}
		}
	}
	path := from.top.title()
	last := path
	for e := before[from]; ; e = before[e] {
		if name := e.top.title(); name != last {
			path, last = name+" -> "+path, name
		}
		if e == from {
			break
		}
	}
	if last != from.top.title() {
		path = from.top.title() + " -> " + path
	}
	c.errorf(from.span, "%s is defined in terms of itself, and is neither a function nor lazy: %.300s", from.top.title(), path)
	return true
}

func (t *top) title() string {
	switch {
	case t.name != "":
		return lang.Cut(t.name)
	case t.def != nil:
		return t.entity.title()
	}
	return "the final expression"
}
