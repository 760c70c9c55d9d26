package main

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"time"

	"example.com/brpc-go/wire"
)

// method is a function from JSON to JSON, and what there is to know about it.
type method struct {
	input, output *wire.Entity
	run           func(p *plugin, input []byte) ([]byte, error)
}

// methods are all that a hub can call.
var methods = map[string]method{
	"Greet":   typed(greet),
	"Add":     typed(add),
	"Centre":  typed(centre),
	"Fail":    typed(fail),
	"Panic":   typed(panics),
	"Sleep":   typed(sleep),
	"Emit":    typed(emit),
	"Keep":    typed(keep),
	"Nothing": typed(nothing),
	"Big":     typed(big),
	"Who":     typed(who),

	// Echo is not decoded at all, so that its answer is the same byte for byte.
	"Echo": {
		input:  &wire.Entity{Type: "interface"},
		output: &wire.Entity{Type: "interface"},
		run:    func(_ *plugin, input []byte) ([]byte, error) { return input, nil },
	},
}

// none is the input of a method that takes nothing, and the output of one that
// gives nothing.
type none struct{}

type name struct {
	Name string `json:"name"`
}

type text struct {
	Text string `json:"text"`
}

func greet(_ *plugin, in name) (text, error) {
	return text{"Hello, " + in.Name + "!"}, nil
}

type sum struct {
	A int `json:"a"`
	B int `json:"b"`
}

func add(_ *plugin, in sum) (int, error) {
	return in.A + in.B, nil
}

type point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

type points struct {
	Points []point `json:"points"`
}

// centre is here for the sake of a description with more than one level.
func centre(_ *plugin, in points) (c point, err error) {
	if len(in.Points) == 0 {
		return c, errors.New("no points")
	}
	for _, p := range in.Points {
		c.X += p.X / float64(len(in.Points))
		c.Y += p.Y / float64(len(in.Points))
	}
	return c, nil
}

func fail(_ *plugin, in text) (none, error) { return none{}, errors.New(in.Text) }

func panics(_ *plugin, in text) (none, error) { panic(in.Text) }

type pause struct {
	MS int `json:"ms"`
}

func sleep(_ *plugin, in pause) (int, error) {
	time.Sleep(time.Duration(in.MS) * time.Millisecond)
	return in.MS, nil
}

type events struct {
	Count int    `json:"count"`
	Text  string `json:"text,omitempty"`
}

// emit sends events. One after the other from the goroutine that answers, they
// arrive in order and before the answer.
func emit(p *plugin, in events) (int, error) {
	for n := range in.Count {
		event, err := json.Marshal(struct {
			N    int    `json:"n"`
			Text string `json:"text"`
		}{n, in.Text})
		if err != nil {
			return 0, err
		}
		if err := p.conn.Send(&wire.Envelope{Method: wire.Async, Payload: event}); err != nil {
			return 0, err
		}
	}
	return in.Count, nil
}

type kept struct {
	Bytes []byte         `json:"bytes"`
	List  []string       `json:"list"`
	Of    map[string]int `json:"of"`
}

// keep gives back what it gets: what is missing is nil, which is null in JSON.
func keep(_ *plugin, in kept) (kept, error) { return in, nil }

func nothing(*plugin, none) (none, error) { return none{}, nil }

type size struct {
	Size int `json:"size"`
}

func big(_ *plugin, in size) (string, error) {
	return strings.Repeat("x", in.Size), nil
}

func who(p *plugin, _ none) (string, error) { return p.name, nil }

// typed makes a method of a function, with the JSON and the description that
// its types call for.
func typed[In, Out any](f func(*plugin, In) (Out, error)) method {
	return method{
		input:  describe(reflect.TypeFor[In]()),
		output: describe(reflect.TypeFor[Out]()),
		run: func(p *plugin, input []byte) ([]byte, error) {
			// Without a payload the input is the zero value.
			var in In
			if len(input) > 0 {
				if err := json.Unmarshal(input, &in); err != nil {
					return nil, err
				}
			}
			out, err := f(p, in)
			if err != nil {
				return nil, err
			}
			return json.Marshal(out)
		},
	}
}

// describe is the description of a type, or nil if it holds nothing. It knows
// only what the methods above need.
func describe(t reflect.Type) *wire.Entity {
	e := &wire.Entity{Type: t.Kind().String()}
	switch t.Kind() {
	case reflect.Slice:
		elem := describe(t.Elem())
		e.Type, e.Fields = "[]"+elem.Type, elem.Fields
	case reflect.Map:
		elem := describe(t.Elem())
		e.Type, e.Fields = "map["+t.Key().Kind().String()+"]"+elem.Type, elem.Fields
	case reflect.Struct:
		if t.NumField() == 0 {
			return nil
		}
		for i := range t.NumField() {
			name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			field := describe(t.Field(i).Type)
			field.Name, field.Mandatory = name, options != "omitempty"
			e.Fields = append(e.Fields, *field)
		}
	}
	return e
}

// functions are the descriptions of all methods.
func functions() map[string]wire.Function {
	fns := make(map[string]wire.Function, len(methods))
	for name, m := range methods {
		fns[name] = wire.Function{Name: name, Input: m.input, Output: m.output}
	}
	return fns
}
