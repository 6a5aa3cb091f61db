package bench

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that is wrapped here
	"google.golang.org/grpc/mem"
)

// discard is a codec that does not look into what arrives.
type discard struct{ encoding.CodecV2 }

func (discard) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*int) += data.Len()
	return nil
}

// ceiling reads the recorded watch without looking at it: no reader on the same machine can be faster.
func ceiling(o order) (report, error) {
	connection, err := grpc.NewClient(o.Endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(4<<20), grpc.WithInitialConnWindowSize(8<<20),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(discard{encoding.GetCodecV2("proto")}), grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		return report{}, err
	}
	defer connection.Close()
	began := time.Now()
	stream, err := pb.NewWatchClient(connection).Watch(context.Background())
	if err != nil {
		return report{}, err
	}
	err = stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
		Key: []byte{0}, RangeEnd: []byte{0}, StartRevision: o.Target,
	}}})
	if err != nil {
		return report{}, err
	}
	var size int
	for range 1 + o.Until - o.Target + 1 { // one for Created, then one for each revision
		if err := stream.RecvMsg(&size); err != nil {
			return report{}, err
		}
	}
	return report{Took: time.Since(began), Bytes: int64(size)}, nil
}
