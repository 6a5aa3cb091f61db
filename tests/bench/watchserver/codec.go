package watchserver

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that the others fall back to
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// recorded is a response that is already marshalled, and fields to go after it.
type recorded struct {
	response, fields []byte
}

// withWatchID gives the response to a watch other than the recorded one, which was number 0.
func withWatchID(id int64) []byte {
	if id == 0 {
		return nil
	}
	const watchID = 2 // the field's number in WatchResponse
	return protowire.AppendVarint(protowire.AppendTag(nil, watchID, protowire.VarintType), uint64(id))
}

// codec sends recorded responses as they are and everything else as protobuf.
type codec struct {
	encoding.CodecV2
}

func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

// Marshal copies nothing of a recorded response.
func (c codec) Marshal(message any) (mem.BufferSlice, error) {
	r, ok := message.(recorded)
	if !ok {
		return c.CodecV2.Marshal(message)
	}
	slice := mem.BufferSlice{mem.SliceBuffer(r.response)}
	if len(r.fields) > 0 {
		slice = append(slice, mem.SliceBuffer(r.fields))
	}
	return slice, nil
}
