package etcd

import (
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// keepBuffer is the largest buffer that outlives the message it was made for.
const keepBuffer = 16 << 20

// frame receives a message as the bytes that were sent. One frame serves a whole
// stream, so that a message costs one copy and no allocation.
type frame struct {
	data []byte
}

// frameCodec hands frames through and marshals requests as usual.
type frameCodec struct{}

// Name is the content subtype that etcd expects.
func (frameCodec) Name() string { return "proto" }

func (frameCodec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("cannot send a %T", v)
	}
	data, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil
}

func (frameCodec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("cannot receive into a %T", v)
	}
	n := data.Len()
	if cap(f.data) < n || cap(f.data) > keepBuffer && n <= keepBuffer {
		f.data = make([]byte, max(n, min(2*cap(f.data), keepBuffer)))
	}
	f.data = f.data[:n]
	data.CopyTo(f.data)
	return nil
}
