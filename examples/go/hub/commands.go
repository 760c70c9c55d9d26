package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.com/brpc-go/wire"
)

// command is a line of the input. Its answer has the same "id", and "error" if
// it failed. All run concurrently, except that with "sync":true the next line is
// read only after the answer.
//
//	{"do":"wait","name":"x","ms":5000}   {"ok":true}, or an error after 5 s
//	{"do":"connected"}                   {"connected":[PluginInfo, ...]}, by name
//	{"do":"info","name":"x"}             {"info":PluginInfo}
//	{"do":"call","name":"x","method":"Greet","trace":"t","payload":{...}}
//	                                     {"seq":0,"trace":"t","method":"Greet","payload":{...}}
//	{"do":"load","name":"x","method":"Echo","payload":{...},"calls":1000,"callers":8}
//	                                     {"calls":1000,"errors":0,"seconds":0.1,"p50_us":90,"p99_us":300}
//	{"do":"bench","name":"x","method":"Echo","payload":{"id":0,"name":"n","data":"d"},"ms":1000,"callers":8}
//	                                     see bench.go
//	{"do":"unplug","name":"x","trace":"t"}   {"ok":true} once it has gone
//	{"do":"shutdown","trace":"t"}            {"ok":true} once all have gone; then exits
//
// A call's payload is sent as it is written, and without one nothing is sent.
// In its answer, "payload" is missing if there was none; null was sent as null.
// With "seq":N a call goes out under that number, whether it is free or not.
type command struct {
	ID      json.RawMessage `json:"id"`
	Do      string          `json:"do"`
	Sync    bool            `json:"sync"`
	Name    string          `json:"name"`
	Method  string          `json:"method"`
	Trace   string          `json:"trace"`
	Payload json.RawMessage `json:"payload"`
	Seq     *uint64         `json:"seq"`
	MS      int             `json:"ms"`
	Calls   int             `json:"calls"`
	Callers int             `json:"callers"`
}

// run does what a command says and prints its answer.
func (h *hub) run(c *command) {
	answer := object{}
	if err := h.do(c, answer); err != nil {
		answer["error"] = err.Error()
	}
	answer["id"] = c.ID
	h.out.print(answer)
}

func (h *hub) do(c *command, answer object) error {
	switch c.Do {
	case "wait":
		answer["ok"] = true
		if !h.wait(c.Name, time.Duration(c.MS)*time.Millisecond) {
			answer["ok"] = false
			return errors.New("plugin " + c.Name + " not connected in time")
		}
		return nil
	case "connected":
		infos := []wire.PluginInfo{}
		plugins := h.connected()
		for _, name := range slices.Sorted(maps.Keys(plugins)) {
			infos = append(infos, plugins[name].info)
		}
		answer["connected"] = infos
		return nil
	}

	// All else is about one plugin.
	p, ok := h.connected()[c.Name]
	if !ok {
		return errors.New("plugin " + c.Name + " not found")
	}

	switch c.Do {
	case "info":
		answer["info"] = p.info
	case "call":
		e, err := p.call(c)
		if err != nil {
			return err
		}
		answer["seq"], answer["trace"], answer["method"] = e.Seq, e.Trace, e.Method
		if e.Error != "" {
			return errors.New(e.Error)
		}
		if len(e.Payload) > 0 {
			if !json.Valid(e.Payload) {
				return errors.New("the payload isn't JSON")
			}
			answer["payload"] = json.RawMessage(e.Payload)
		}
	case "load":
		load(p, c, answer)
	case "bench":
		return bench(p, c, answer)
	case "unplug":
		p.unplug(c.Trace)
		answer["ok"] = true
	default:
		return errors.New("no such command: " + c.Do)
	}
	return nil
}

// load makes as many calls as it is told, one after the other in each of several
// goroutines. An answer that isn't what was sent counts as an error.
func load(p *plugin, c *command, answer object) {
	var (
		wg     sync.WaitGroup
		taken  atomic.Int64
		errs   atomic.Int64
		mu     sync.Mutex
		micros []int64
	)

	start := time.Now()
	for range max(c.Callers, 1) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var mine []int64
			for taken.Add(1) <= int64(c.Calls) {
				sent := time.Now()
				e, err := p.call(c)
				mine = append(mine, time.Since(sent).Microseconds())
				if err != nil || e.Error != "" || !sameJSON(e.Payload, c.Payload) {
					errs.Add(1)
				}
			}
			mu.Lock()
			micros = append(micros, mine...)
			mu.Unlock()
		}()
	}
	wg.Wait()

	answer["seconds"] = time.Since(start).Seconds()
	answer["calls"], answer["errors"] = len(micros), errs.Load()
	if slices.Sort(micros); len(micros) > 0 {
		answer["p50_us"] = micros[len(micros)*50/100]
		answer["p99_us"] = micros[len(micros)*99/100]
	}
}

// sameJSON compares values, not texts: a plugin that decodes its input may well
// send other blanks, or fields in another order.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
