package main

import (
	"errors"
	"sync"
	"sync/atomic"

	"example.com/brpc-go/wire"
)

// errShutdown is the error of calls to a plugin that was asked to leave.
var errShutdown = errors.New("connection is shut down")

// plugin is one that is connected.
type plugin struct {
	info wire.PluginInfo
	conn *wire.Conn

	leaving atomic.Bool   // it was sent a Shutdown
	gone    chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	next    uint64
	pending map[uint64][]chan *wire.Envelope
	lost    error // why the connection has ended
}

func newPlugin(conn *wire.Conn) *plugin {
	return &plugin{
		conn:    conn,
		gone:    make(chan struct{}),
		pending: make(map[uint64][]chan *wire.Envelope),
	}
}

// call sends a call and waits for its answer, for as long as that takes.
func (p *plugin) call(c *command) (*wire.Envelope, error) {
	if p.leaving.Load() {
		return nil, errShutdown
	}

	e := &wire.Envelope{Trace: c.Trace, Method: c.Method, Payload: c.Payload}
	answer := make(chan *wire.Envelope, 1)

	p.mu.Lock()
	if p.lost != nil {
		p.mu.Unlock()
		return nil, p.lost
	}
	if c.Seq != nil {
		e.Seq = *c.Seq
	} else {
		// The first call is number 0.
		e.Seq = p.next
		p.next++
	}
	p.pending[e.Seq] = append(p.pending[e.Seq], answer)
	p.mu.Unlock()

	if err := p.conn.Send(e); err != nil {
		// What was sent of it can't be taken back. The end of the connection
		// ends this call as it does all others.
		p.conn.Close()
	}
	if e, ok := <-answer; ok {
		return e, nil
	}
	return nil, p.lost
}

// deliver gives an answer to whoever waits for it. Calls that share a number
// get their answers in the order in which they arrive; no more is known of them.
func (p *plugin) deliver(e *wire.Envelope) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.pending[e.Seq]
	if len(waiting) == 0 {
		return false
	}
	waiting[0] <- e
	if len(waiting) == 1 {
		delete(p.pending, e.Seq)
	} else {
		p.pending[e.Seq] = waiting[1:]
	}
	return true
}

// release ends all calls that are left without an answer.
func (p *plugin) release(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = err
	for _, waiting := range p.pending {
		for _, answer := range waiting {
			close(answer)
		}
	}
}

// unplug asks a plugin to leave, and returns when it has.
func (p *plugin) unplug(trace string) {
	if !p.leaving.Swap(true) {
		if err := p.conn.Send(&wire.Envelope{Trace: trace, Method: wire.Shutdown}); err != nil {
			p.conn.Close()
		}
	}
	<-p.gone
}
