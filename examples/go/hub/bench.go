package main

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

// message is the payload of a bench. The method called has to give it back.
type message struct {
	ID   uint64 `json:"id"`
	Name string `json:"name"`
	Data string `json:"data"`
}

var errMismatch = errors.New("an answer to another call")

// bench calls for as long as it is told, one call after the other in each of
// several goroutines:
//
//	{"seconds":1.0,"calls":50000,"errors":0,"mismatches":0,"latency_us":{"p50":18.2,...}}
//
// Unlike load it does what a program does that has use for the answers: each
// call has a message of its own, numbered from that of the payload on, which is
// encoded, and an answer, which is decoded and looked at. The time for that is
// part of the latency.
func bench(p *plugin, c *command, answer object) error {
	var first message
	if err := json.Unmarshal(c.Payload, &first); err != nil {
		return err
	}

	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		all    []time.Duration
		failed []error
	)
	start := time.Now()
	end := start.Add(time.Duration(c.MS) * time.Millisecond)
	for n := range max(c.Callers, 1) {
		// No two messages have the same number, so that an answer to another
		// caller is noticed.
		m := first
		m.ID += uint64(n) << 32
		wg.Add(1)
		go func() {
			defer wg.Done()
			latencies, errs := callUntil(end, p, *c, m)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, latencies...)
			failed = append(failed, errs...)
		}()
	}
	wg.Wait()
	seconds := time.Since(start).Seconds()

	mismatches := 0
	for _, err := range failed {
		if err == errMismatch {
			mismatches++
		} else if answer["first_error"] == nil {
			answer["first_error"] = err.Error()
		}
	}
	answer["seconds"], answer["calls"] = seconds, len(all)
	answer["errors"], answer["mismatches"] = len(failed)-mismatches, mismatches
	if slices.Sort(all); len(all) > 0 {
		answer["latency_us"] = object{
			"p50":  below(all, 0.5),
			"p90":  below(all, 0.9),
			"p99":  below(all, 0.99),
			"p999": below(all, 0.999),
			"max":  below(all, 1),
		}
	}
	return nil
}

// callUntil is one of the callers. It returns how long its calls took, and the
// errors of those that failed.
func callUntil(end time.Time, p *plugin, c command, m message) (latencies []time.Duration, errs []error) {
	// The end of one call is the start of the next, which spares half of the
	// looks at the clock.
	start := time.Now()
	for start.Before(end) {
		m.ID++
		err := echo(p, &c, &m)
		now := time.Now()
		if err != nil {
			errs = append(errs, err)
			// Calls that fail at once would else keep the CPU from those that don't.
			time.Sleep(time.Millisecond)
			now = time.Now()
		} else {
			latencies = append(latencies, now.Sub(start))
		}
		start = now
	}
	return latencies, errs
}

// echo makes one call.
func echo(p *plugin, c *command, m *message) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.Payload = payload
	e, err := p.call(c)
	if err != nil {
		return err
	}
	if e.Error != "" {
		return errors.New(e.Error)
	}
	var answer message
	if err := json.Unmarshal(e.Payload, &answer); err != nil {
		return err
	}
	// The data's length stands for the data: comparing much of it would be
	// measured with the call.
	if answer.ID != m.ID || len(answer.Data) != len(m.Data) {
		return errMismatch
	}
	return nil
}

// below is the microseconds below which a share of the calls stayed.
func below(sorted []time.Duration, share float64) float64 {
	rank := int(math.Ceil(share * float64(len(sorted))))
	return float64(sorted[max(rank, 1)-1].Nanoseconds()) / 1e3
}
