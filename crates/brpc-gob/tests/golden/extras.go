// Command extras writes extras.bin: what a program says whose types have fields
// of every type there is beside those of the original.
//
//	go run extras.go
package main

import (
	"bytes"
	"encoding/gob"
	"math/big"
	"os"
	"time"
)

type item struct{ A int }

type Node struct {
	Left  *Node
	Nodes []Node
	Any   any
	Label string
}

type PluginInfo struct {
	Time    time.Time
	Big     *big.Int
	Complex complex128
	Float   float32
	Array   [3]item
	Anys    []any
	Any     any
	Unnamed struct {
		TheTypeHasItsFieldsAsItsNameWhichGetsLongThatWay              int
		SoLongThatThisOneIsLongerThanAnyNameOfAFunctionOfAPluginMayBe string
	}
	Maps          map[int]map[string][]item
	Node          *Node
	Lists         [][]byte
	Name, Version string
	Small         int8
	Numbers       []uint16
	Structs       []struct{ X bool }
}

type Envelope struct {
	Any    any
	Seq    uint64
	Method string
	Node   *Node
}

func main() {
	var out bytes.Buffer
	encoder := gob.NewEncoder(&out)
	send := func(value any) {
		if err := encoder.Encode(value); err != nil {
			panic(err)
		}
	}
	node := &Node{
		Left:  &Node{Label: "left"},
		Nodes: []Node{{Label: "inner", Any: 1}, {}},
		Any:   uint8(3),
	}
	info := PluginInfo{
		Time:    time.Unix(1_000_000_000, 1).UTC(),
		Big:     new(big.Int).Lsh(big.NewInt(1), 100),
		Complex: 1 + 2i,
		Float:   0.5,
		Array:   [3]item{{1}, {0}, {2}},
		Anys:    []any{1, "a", nil, []byte{1}, 2.5, true},
		Any:     "x",
		Maps:    map[int]map[string][]item{-1: {"a": {{1}, {}}}},
		Node:    node,
		Lists:   [][]byte{{1}, nil},
		Name:    "extras",
		Version: "1",
		Small:   -1,
		Numbers: []uint16{1, 0xffff},
		Structs: []struct{ X bool }{{true}, {}},
	}
	info.Unnamed.TheTypeHasItsFieldsAsItsNameWhichGetsLongThatWay = 5
	send(info)
	for n := range 2 {
		send(Envelope{Any: 2.5, Seq: uint64(n), Method: "Method", Node: node})
	}
	if err := os.WriteFile("extras.bin", out.Bytes(), 0o644); err != nil {
		panic(err)
	}
}
