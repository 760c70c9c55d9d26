// Package wire is what goes over the connection between a brpc hub and its
// plugins when they speak gob: two kinds of values, and nothing around them.
//
// The plugin dials, and sends one [PluginInfo]. From then on both sides send
// [Envelope]s: the hub's are calls, the plugin's are answers and events.
package wire

import (
	"encoding/gob"
	"io"
	"net"
)

// Methods that are not called but mean something.
const (
	// Async marks an event, from plugin to hub. It has no answer.
	Async = "Async"
	// Shutdown asks a plugin to finish what runs and to close the connection.
	// With Error set, the hub refuses the plugin, and Error says why.
	Shutdown = "Shutdown"
)

// MethodNotFound is the Error of an answer to a method that doesn't exist.
const MethodNotFound = "method not found"

// PluginInfo is the first that a plugin sends: who it is and what it can do.
//
// gob matches fields by name, so the names here are part of the wire. Their
// order and the names of the types aren't, and the JSON names serve only those
// who pass the description on.
type PluginInfo struct {
	Name      string              `json:"name,omitempty"`
	Version   string              `json:"version,omitempty"`
	Functions map[string]Function `json:"functions,omitempty"`
}

// Function describes a method; its key in [PluginInfo] is the same as its Name.
// Input and Output are nil where there is nothing to describe.
type Function struct {
	Name   string  `json:"name,omitempty"`
	Input  *Entity `json:"input,omitempty"`
	Output *Entity `json:"output,omitempty"`
}

// Entity describes a type, or a field of one: then it has a Name too.
//
// Type is what reflect.Kind calls it ("string", "int", "struct", "interface"
// for any JSON), with "[]" or "map[string]" before it for what has elements.
// Fields are those of the struct, or of the struct that the elements are.
type Entity struct {
	Name      string   `json:"name,omitempty"`
	Type      string   `json:"type,omitempty"`
	Mandatory bool     `json:"mandatory,omitempty"`
	Fields    []Entity `json:"fields,omitempty"`
}

// Envelope is a call, its answer, an event or a Shutdown.
//
// An answer repeats the Seq, Trace and Method of its call and has either an
// Error or, as JSON, a Payload. An empty Payload is no value at all.
type Envelope struct {
	Seq     uint64
	Trace   string
	Method  string
	Error   string
	Payload []byte
}

// Conn sends and receives gob values over one connection.
//
// A type is described only the first time that a value of it is sent, so there
// has to be one encoder and one decoder for as long as the connection lives.
type Conn struct {
	net net.Conn
	enc *gob.Encoder
	dec *gob.Decoder
}

// NewConn wraps a connection. If sent isn't nil, it gets a copy of every byte
// that is sent.
func NewConn(c net.Conn, sent io.Writer) *Conn {
	w := io.Writer(c)
	if sent != nil {
		w = io.MultiWriter(c, sent)
	}
	return &Conn{net: c, enc: gob.NewEncoder(w), dec: gob.NewDecoder(c)}
}

// Send sends a value. Several goroutines may send at the same time: the encoder
// has a lock of its own.
func (c *Conn) Send(v any) error { return c.enc.Encode(v) }

// Receive reads the next value into what v points to; only one goroutine at a
// time. It should be a fresh value, since zero fields are not sent, and what is
// not sent stays as it was.
func (c *Conn) Receive(v any) error { return c.dec.Decode(v) }

// Close closes the connection.
func (c *Conn) Close() error { return c.net.Close() }
