// Command plugin dials a brpc hub and answers its calls.
//
//	go run ./plugin -hub 127.0.0.1:8080 -name go-greeter
//
// It prints "connected NAME" once it has introduced itself, then "shutdown" if
// the hub asks it to leave or "refused: TEXT" if the hub doesn't take it, and
// "closed" at the end. It exits with 3 if it was refused, with 1 if it has lost
// the connection or never had one, otherwise with 0. SIGINT and SIGTERM make it
// leave by itself.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"example.com/brpc-go/wire"
)

const (
	exitLost    = 1
	exitRefused = 3
)

// plugin is one connection to the hub.
type plugin struct {
	name string
	conn *wire.Conn
}

func main() {
	hub := flag.String("hub", "127.0.0.1:8080", "the hub's `address`")
	name := flag.String("name", "go-greeter", "the plugin's name; it has to be unique on its hub")
	version := flag.String("version", "1.0.0", "the plugin's version")
	count := flag.Int("count", 0, "run `N` plugins, named NAME-1 to NAME-N, each with its own connection")
	capture := flag.String("capture", "", "write all that the first plugin sends to this `file`")
	flag.Parse()

	var sent io.Writer
	if *capture != "" {
		file, err := os.Create(*capture)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitLost)
		}
		sent = file
	}

	names := []string{*name}
	if *count > 0 {
		names = nil
		for n := range *count {
			names = append(names, fmt.Sprintf("%s-%d", *name, n+1))
		}
	}

	// Closing a channel tells all plugins at once.
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		close(stop)
	}()

	var wg sync.WaitGroup
	codes := make([]int, len(names))
	for n, name := range names {
		wg.Add(1)
		go func(sent io.Writer) {
			defer wg.Done()
			codes[n] = run(*hub, name, *version, sent, stop)
		}(sent)
		sent = nil
	}
	wg.Wait()

	code := 0
	for _, c := range codes {
		code = max(code, c)
	}
	os.Exit(code)
}

// run is the life of one plugin. It returns the exit code.
func run(hub, name, version string, sent io.Writer, stop <-chan struct{}) int {
	conn, err := net.Dial("tcp", hub)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitLost
	}

	p := &plugin{name: name, conn: wire.NewConn(conn, sent)}
	defer fmt.Println("closed")
	defer p.conn.Close()

	info := wire.PluginInfo{Name: name, Version: version, Functions: functions()}
	if err := p.conn.Send(info); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitLost
	}
	fmt.Println("connected", name)

	// A deadline ends the reading alone: answers can still be sent.
	go func() {
		<-stop
		conn.SetReadDeadline(time.Now())
	}()

	// Whoever waits for an answer gets it before the connection closes: deferred
	// after Close, this runs before it.
	var calls sync.WaitGroup
	defer calls.Wait()

	for {
		e := new(wire.Envelope)
		if err := p.conn.Receive(e); err != nil {
			select {
			case <-stop:
				return 0
			default:
				fmt.Fprintln(os.Stderr, "connection lost:", err)
				return exitLost
			}
		}

		if e.Method == wire.Shutdown {
			if e.Error != "" {
				fmt.Println("refused:", e.Error)
				return exitRefused
			}
			fmt.Println("shutdown")
			return 0
		}

		// A slow call must not hold up the others.
		calls.Add(1)
		go func() {
			defer calls.Done()
			p.answer(e)
		}()
	}
}

// answer runs a call and sends its envelope back with what came of it.
func (p *plugin) answer(e *wire.Envelope) {
	e.Payload, e.Error = p.result(e.Method, e.Payload)
	if err := p.conn.Send(e); err != nil {
		fmt.Fprintln(os.Stderr, "answer not sent:", err)
	}
}

// result is the payload and the error of the answer to a call.
func (p *plugin) result(name string, input []byte) (output []byte, failed string) {
	// One call that panics is no reason to lose all the others. Its answer has
	// the input as payload, because that of an original plugin has it, too: a
	// hub looks at the error first.
	defer func() {
		if text := recover(); text != nil {
			output, failed = input, fmt.Sprintf("panic: %v", text)
		}
	}()

	m, ok := methods[name]
	if !ok {
		return nil, wire.MethodNotFound
	}
	output, err := m.run(p, input)
	if err != nil {
		return nil, err.Error()
	}
	return output, ""
}
