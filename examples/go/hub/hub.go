package main

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"sync"
	"time"

	"example.com/brpc-go/wire"
)

// nameTaken is what a plugin is told whose name another one has. The text is
// that of an original hub.
const nameTaken = "handshake (conflict) plugin with the same name is already connected"

type hub struct {
	out *lines

	mu      sync.Mutex
	plugins map[string]*plugin
	changed chan struct{} // closed, and replaced, when a plugin connects
	closing bool
}

func newHub(out io.Writer) *hub {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return &hub{
		out:     &lines{enc: enc},
		plugins: make(map[string]*plugin),
		changed: make(chan struct{}),
	}
}

// serve is the life of one connection. There is no limit on how long a plugin
// may take to introduce itself, and none on how much it sends; a hub that is
// open to strangers needs both.
func (h *hub) serve(conn net.Conn, sent io.Writer) {
	p := newPlugin(wire.NewConn(conn, sent))
	defer p.conn.Close()

	if err := p.conn.Receive(&p.info); err != nil {
		return
	}
	name := p.info.Name
	if refusal := h.enter(p); refusal != "" {
		h.out.print(object{"refused": name})
		p.conn.Send(&wire.Envelope{Method: wire.Shutdown, Error: refusal})
		return
	}

	var err error
	for {
		e := new(wire.Envelope)
		if err = p.conn.Receive(e); err != nil {
			break
		}
		// Events are printed here, not in goroutines, to keep their order.
		if e.Method == wire.Async {
			h.out.print(object{"event": name, "payload": json.RawMessage(e.Payload)})
		} else if !p.deliver(e) {
			h.out.print(object{"unexpected": name, "seq": e.Seq})
		}
	}

	// Its name is free before anyone hears that it has gone.
	h.mu.Lock()
	delete(h.plugins, name)
	h.mu.Unlock()
	p.release(err)
	h.out.print(object{"disconnected": name, "graceful": p.leaving.Load()})
	close(p.gone)
}

// enter takes a plugin in, or returns why not.
func (h *hub) enter(p *plugin) (refusal string) {
	h.mu.Lock()
	defer h.mu.Unlock()

	name := p.info.Name
	if h.closing {
		return errShutdown.Error()
	}
	if _, taken := h.plugins[name]; taken {
		return nameTaken
	}

	h.out.print(object{"connected": name})
	h.plugins[name] = p
	close(h.changed)
	h.changed = make(chan struct{})
	return ""
}

// connected is a copy of who is connected.
func (h *hub) connected() map[string]*plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.plugins)
}

// wait waits until a plugin is connected. It tells whether that was in time.
func (h *hub) wait(name string, limit time.Duration) bool {
	timeout := time.After(limit)
	for {
		h.mu.Lock()
		_, ok := h.plugins[name]
		changed, closing := h.changed, h.closing
		h.mu.Unlock()
		if ok || closing {
			return ok
		}
		select {
		case <-changed:
		case <-timeout:
			return false
		}
	}
}

// shutdown asks all plugins to leave, and returns when they have.
func (h *hub) shutdown(trace string) {
	h.mu.Lock()
	h.closing = true
	close(h.changed) // whoever waits need wait no longer
	h.changed = make(chan struct{})
	h.mu.Unlock()

	var wg sync.WaitGroup
	for _, p := range h.connected() {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.unplug(trace)
		}()
	}
	wg.Wait()
}
