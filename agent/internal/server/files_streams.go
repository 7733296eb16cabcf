package server

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"

	"connectrpc.com/connect"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/internal/archive"
	"banger.dev/agent/internal/fileops"
)

// outgoing keeps messages from being sent when their call has returned (see execution.finish).
type outgoing[T any] struct {
	mu   sync.Mutex
	over bool
	to   func(*T) error
}

func newOutgoing[T any](send func(*T) error) *outgoing[T] { return &outgoing[T]{to: send} }

func (o *outgoing[T]) send(message *T) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return errOver
	}
	return o.to(message)
}

func (o *outgoing[T]) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
}

// Fetch reads a file or packs a tree.
func (f *Files) Fetch(ctx context.Context, request *connect.Request[agentv1.FetchRequest], stream *connect.ServerStream[agentv1.FetchResponse]) error {
	at, err := f.find(request.Msg.Place)
	if err != nil {
		return err
	}
	out := newOutgoing(stream.Send)
	defer out.finish()
	tell := func(info fileops.Info) error {
		names := f.accounts.Names()
		return out.send(&agentv1.FetchResponse{Message: &agentv1.FetchResponse_Info{Info: infoMessage(info, names)}})
	}
	emit := func(b []byte) error {
		return out.send(&agentv1.FetchResponse{Message: &agentv1.FetchResponse_Data{Data: b}})
	}
	return fileError(f.pool.Do(ctx, at.user, func() error {
		switch what := request.Msg.What.(type) {
		case *agentv1.FetchRequest_File:
			return fetchFile(at.path, what.File, tell, emit)
		case *agentv1.FetchRequest_Archive:
			return fetchArchive(at.path, what.Archive, tell, emit)
		default:
			return errNoStart
		}
	}))
}

func fetchFile(path string, want *agentv1.FetchFile, tell func(fileops.Info) error, emit func([]byte) error) error {
	file, info, err := fileops.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	const most = 1<<63 - 1
	length := int64(-1)
	if want.Length != nil {
		length = int64(min(*want.Length, most))
	}
	if err := tell(info); err != nil {
		return err
	}
	return fileops.Copy(file, int64(min(want.Offset, most)), length, emit)
}

func fetchArchive(path string, want *agentv1.FetchArchive, tell func(fileops.Info) error, emit func([]byte) error) error {
	if name := want.Name; name != "" && (!filepath.IsLocal(name) || filepath.Clean(name) != name) {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("the name leads out of the archive"))
	}
	info, err := fileops.Stat(path, want.Follow)
	if err != nil {
		return err
	}
	if err := tell(info); err != nil {
		return err
	}
	return archive.Pack(path, emitter(emit), archive.PackOptions{Name: want.Name, Follow: want.Follow})
}

// emitter is a writer to a call.
type emitter func([]byte) error

func (e emitter) Write(b []byte) (int, error) {
	if err := e(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

type storeStream = connect.BidiStream[agentv1.StoreRequest, agentv1.StoreResponse]

// Store writes a file or unpacks a tree.
func (f *Files) Store(ctx context.Context, stream *storeStream) error {
	first, err := stream.Receive()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil || start.What == nil {
		return errNoStart
	}
	at, err := f.find(start.Place)
	if err != nil {
		return err
	}
	owner, err := f.owner(start.Owner)
	if err != nil {
		return err
	}
	out := newOutgoing(stream.Send)
	defer out.finish()
	credit := func(bytes uint32) error {
		return out.send(&agentv1.StoreResponse{Message: &agentv1.StoreResponse_Credit{Credit: bytes}})
	}
	in := newIncoming(credit)
	// Whatever ends the call, work that still waits for more must end.
	defer in.end(context.Canceled)
	if err := credit(incomingWindow); err != nil {
		return err
	}
	go receive(stream, in)
	stop := context.AfterFunc(ctx, func() { in.end(context.Cause(ctx)) })
	defer stop()
	results := make(chan *agentv1.StoreDone, 1)
	err = f.pool.Do(context.WithoutCancel(ctx), at.user, func() error {
		done, err := store(at.path, start, owner, in)
		results <- done
		return err
	})
	if err != nil {
		return fileError(err)
	}
	return out.send(&agentv1.StoreResponse{Message: &agentv1.StoreResponse_Done{Done: <-results}})
}

// receive never waits for the disk.
func receive(stream *storeStream, in *incoming) {
	for {
		request, err := stream.Receive()
		if err == nil {
			switch message := request.Message.(type) {
			case *agentv1.StoreRequest_Data:
				err = in.push(message.Data)
			case *agentv1.StoreRequest_End:
				err = io.EOF
			default:
				err = connect.NewError(connect.CodeInvalidArgument, errors.New("start came twice, or a message is empty"))
			}
		} else if errors.Is(err, io.EOF) {
			// Without an end it is not all.
			err = errCutOff
		}
		if err != nil {
			in.end(err)
			return
		}
	}
}

func store(path string, start *agentv1.StoreStart, owner fileops.Owner, from io.Reader) (*agentv1.StoreDone, error) {
	if file := start.GetFile(); file != nil {
		if folder := filepath.Dir(path); start.Parents {
			if err := fileops.MakeFolder(folder, 0o755, owner, true); err != nil {
				return nil, err
			}
		}
		// destroys: the file that the host writes anew
		bytes, err := fileops.Write(path, fileops.New{
			Mode: file.Mode, Owner: owner, Attributes: file.Attributes, Exclusive: file.Exclusive,
		}, from)
		return &agentv1.StoreDone{Bytes: uint64(bytes), Entries: 1}, err
	}
	if start.Parents {
		if err := fileops.MakeFolder(path, 0o755, owner, true); err != nil {
			return nil, err
		}
	}
	// destroys: what the host's archive has anew; with keep nothing
	done, err := archive.Unpack(path, from, archive.UnpackOptions{Owner: owner, Keep: start.GetArchive().GetKeep()})
	if err == nil {
		// What follows the archive's end, as tar's own padding does.
		_, err = io.Copy(io.Discard, from)
	}
	return &agentv1.StoreDone{Bytes: uint64(done.Bytes), Entries: uint64(done.Entries)}, err
}
