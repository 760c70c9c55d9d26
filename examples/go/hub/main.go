// Command hub listens for brpc plugins and does with them what it reads from
// stdin, so that a test, a script or a person can drive it.
//
//	go run ./hub -listen 127.0.0.1:8080
//
// It prints "listening ADDR", and from then on JSON objects, one a line. See
// commands.go for those that it takes, and the answers. What happens by itself is
//
//	{"connected":"x"}
//	{"disconnected":"x","graceful":true}   graceful if it was asked to leave
//	{"refused":"x"}                        its name is taken
//	{"event":"x","payload":{...}}
//	{"unexpected":"x","seq":7}             an answer to no call
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// lines writes JSON objects to stdout, one a line, from any goroutine.
type lines struct {
	mu  sync.Mutex
	enc *json.Encoder
}

type object map[string]any

func (l *lines) print(o object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.enc.Encode(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "the `address` to listen on")
	capture := flag.String("capture", "", "write all that is sent on one connection to this `file`")
	nth := flag.Int("nth", 1, "capture the `N`th connection")
	flag.Parse()

	var sent io.Writer
	if *capture != "" {
		file, err := os.Create(*capture)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		sent = file
	}

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening", listener.Addr())

	h := newHub(os.Stdout)
	go func() {
		for n := 1; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if n == *nth {
				go h.serve(conn, sent)
			} else {
				go h.serve(conn, nil)
			}
		}
	}()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		h.shutdown("")
		os.Exit(0)
	}()

	h.commands(os.Stdin)
	listener.Close()
}

// commands runs what it reads until it is told to shut down. The end of the
// input tells so, too: nobody is there any more to say it.
func (h *hub) commands(input io.Reader) {
	var running sync.WaitGroup
	// What still runs is answered before the program exits.
	defer running.Wait()

	// A line is as long as it likes, which bufio.Scanner wouldn't have.
	in := bufio.NewReader(input)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var c command
			if err := json.Unmarshal(line, &c); err != nil {
				h.out.print(object{"error": "not a command: " + err.Error()})
				continue
			}
			if c.Do == "shutdown" {
				h.shutdown(c.Trace)
				h.out.print(object{"id": c.ID, "ok": true})
				return
			}
			// Commands wait for each other only where one says so.
			done := make(chan struct{})
			running.Add(1)
			go func() {
				defer running.Done()
				defer close(done)
				h.run(&c)
			}()
			if c.Sync {
				<-done
			}
		}
		if err != nil {
			running.Wait()
			h.shutdown("")
			return
		}
	}
}
