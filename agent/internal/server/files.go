package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sys/unix"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/gen/banger/agent/v1/agentv1connect"
	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/actas"
	"banger.dev/agent/internal/archive"
	"banger.dev/agent/internal/fileops"
	"banger.dev/agent/internal/files"
	"banger.dev/agent/internal/watch"
)

const (
	// maxFileCalls are the threads that work on files at once: each call takes one, and each watch.
	maxFileCalls = 64
	// fileCallLimit is more than a disk takes that is only slow, and less than a host waits.
	fileCallLimit = 25 * time.Second
	// maxPathBytes is PATH_MAX of linux/limits.h.
	maxPathBytes = 4096
)

// Files answers the calls about the guest's files.
type Files struct {
	accounts account.Database
	pool     *actas.Pool
}

var _ agentv1connect.FilesServiceHandler = (*Files)(nil)

// NewFiles answers for the files and users of a guest.
func NewFiles(accounts account.Database) *Files {
	return &Files{accounts: accounts, pool: actas.NewPool(maxFileCalls)}
}

// where is a place that has been looked up.
type where struct {
	path string
	user account.User
}

func (f *Files) find(place *agentv1.Place) (where, error) {
	user, err := f.accounts.Lookup(place.GetUser())
	if err != nil {
		return where{}, userError(err)
	}
	path, err := pathFor(user, place.GetPath())
	return where{path, user}, err
}

// userError tells a user who is not there from files that cannot be read.
func userError(err error) error {
	if errors.Is(err, account.ErrNoSuchUser) {
		return connect.NewError(connect.CodeNotFound, err)
	}
	return connect.NewError(connect.CodeFailedPrecondition, err)
}

func pathFor(user account.User, path string) (string, error) {
	if path == "" || len(path) >= maxPathBytes || strings.ContainsRune(path, 0) {
		return "", connect.NewError(connect.CodeInvalidArgument, errors.New("the path is empty, too long, or has a NUL in it"))
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(user.Home, path)
	}
	return filepath.Clean(path), nil
}

// do runs one bounded call as a user. Its answer is written by work, and read once that has ended without an error.
func do[T any](ctx context.Context, f *Files, user account.User, work func(answer *T) error) (*connect.Response[T], error) {
	ctx, cancel := context.WithTimeoutCause(ctx, fileCallLimit, files.ErrSilent)
	defer cancel()
	answer := new(T)
	if err := f.pool.Do(ctx, user, func() error { return work(answer) }); err != nil {
		return nil, fileError(err)
	}
	return connect.NewResponse(answer), nil
}

// fileError gives what failed the contract's code for it.
func fileError(err error) error {
	var told *connect.Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	code := connect.CodeUnknown
	switch {
	case errors.Is(err, archive.ErrInvalid):
		code = connect.CodeInvalidArgument
	case errors.Is(err, fs.ErrNotExist):
		code = connect.CodeNotFound
	case errors.Is(err, unix.ENOTEMPTY), errors.Is(err, files.ErrNotRegular), errors.Is(err, archive.ErrTooDeep), isOneOf(err,
		unix.ENOTDIR, unix.EISDIR, unix.ELOOP, unix.EXDEV, unix.EBUSY, unix.EINVAL, unix.EOPNOTSUPP, unix.ETXTBSY, unix.ENODATA, unix.ENAMETOOLONG):
		code = connect.CodeFailedPrecondition
	case errors.Is(err, fs.ErrExist):
		code = connect.CodeAlreadyExists
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		code = connect.CodePermissionDenied
	case errors.Is(err, actas.ErrBusy), errors.Is(err, watch.ErrTooMany), isOneOf(err,
		unix.ENOSPC, unix.EDQUOT, unix.EFBIG, unix.E2BIG, unix.EMFILE, unix.ENFILE, unix.ENOMEM):
		code = connect.CodeResourceExhausted
	case errors.Is(err, files.ErrSilent):
		code = connect.CodeDeadlineExceeded
	}
	return connect.NewError(code, err)
}

func isOneOf(err error, numbers ...unix.Errno) bool {
	for _, number := range numbers {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// owner reads "USER:GROUP", "USER", which has the user's own group, and ":GROUP", which leaves the user.
func (f *Files) owner(spec string) (fileops.Owner, error) {
	if spec == "" || spec == ":" {
		return fileops.SameOwner, nil
	}
	user, err := f.accounts.Lookup(spec)
	if err != nil {
		return fileops.SameOwner, userError(err)
	}
	owner := fileops.Owner{UID: int(user.UID), GID: int(user.GID)}
	if strings.HasPrefix(spec, ":") {
		owner.UID = -1
	}
	return owner, nil
}

// Stat tells of one file.
func (f *Files) Stat(ctx context.Context, request *connect.Request[agentv1.StatRequest]) (*connect.Response[agentv1.StatResponse], error) {
	at, err := f.find(request.Msg.Place)
	if err != nil {
		return nil, err
	}
	names := f.accounts.Names()
	return do(ctx, f, at.user, func(answer *agentv1.StatResponse) error {
		info, err := fileops.Stat(at.path, request.Msg.Follow)
		if err != nil {
			return err
		}
		answer.Info = infoMessage(info, names)
		if request.Msg.WithAttributes {
			answer.Attributes, err = fileops.Attributes(at.path, request.Msg.Follow)
		}
		return err
	})
}

// List tells what is in a folder.
func (f *Files) List(ctx context.Context, request *connect.Request[agentv1.ListRequest]) (*connect.Response[agentv1.ListResponse], error) {
	want := request.Msg
	at, err := f.find(want.Place)
	if err != nil {
		return nil, err
	}
	names := f.accounts.Names()
	return do(ctx, f, at.user, func(answer *agentv1.ListResponse) error {
		page, err := fileops.List(at.path, int(min(want.Depth, 1<<10)), int(min(want.Limit, fileops.MaxPage)), string(want.After))
		answer.More = page.More
		for _, info := range page.Entries {
			answer.Entries = append(answer.Entries, infoMessage(info, names))
		}
		return err
	})
}

func infoMessage(info fileops.Info, names account.Names) *agentv1.FileInfo {
	stat := &info.Stat
	return &agentv1.FileInfo{
		Path: []byte(info.Path), Type: fileType(stat.Mode), Mode: stat.Mode & 0o7777,
		Uid: stat.Uid, Gid: stat.Gid, Owner: names.Users[stat.Uid], Group: names.Groups[stat.Gid],
		SizeBytes: uint64(stat.Size), AllocatedBytes: uint64(stat.Blocks) * 512,
		ModifiedNs: stat.Mtim.Nano(), Links: uint64(stat.Nlink), LinkTarget: []byte(info.Target),
	}
}

func fileType(mode uint32) agentv1.FileType {
	return map[uint32]agentv1.FileType{
		unix.S_IFREG: agentv1.FileType_FILE_TYPE_FILE, unix.S_IFDIR: agentv1.FileType_FILE_TYPE_FOLDER,
		unix.S_IFLNK: agentv1.FileType_FILE_TYPE_LINK, unix.S_IFIFO: agentv1.FileType_FILE_TYPE_FIFO,
		unix.S_IFSOCK: agentv1.FileType_FILE_TYPE_SOCKET, unix.S_IFCHR: agentv1.FileType_FILE_TYPE_CHARACTER_DEVICE,
		unix.S_IFBLK: agentv1.FileType_FILE_TYPE_BLOCK_DEVICE,
	}[mode&unix.S_IFMT]
}

// MakeFolder makes a folder.
func (f *Files) MakeFolder(
	ctx context.Context, request *connect.Request[agentv1.MakeFolderRequest],
) (*connect.Response[agentv1.MakeFolderResponse], error) {
	want := request.Msg
	at, err := f.find(want.Place)
	if err != nil {
		return nil, err
	}
	owner, err := f.owner(want.Owner)
	if err != nil {
		return nil, err
	}
	return do(ctx, f, at.user, func(answer *agentv1.MakeFolderResponse) error {
		return fileops.MakeFolder(at.path, cmp.Or(want.Mode, 0o755), owner, want.Parents)
	})
}

// Move gives something another path.
func (f *Files) Move(ctx context.Context, request *connect.Request[agentv1.MoveRequest]) (*connect.Response[agentv1.MoveResponse], error) {
	at, err := f.find(request.Msg.Place)
	if err != nil {
		return nil, err
	}
	to, err := pathFor(at.user, request.Msg.To)
	if err != nil {
		return nil, err
	}
	return do(ctx, f, at.user, func(answer *agentv1.MoveResponse) error {
		// destroys: what stands at the new path, when the host has asked for that
		return fileops.Rename(at.path, to, request.Msg.Replace)
	})
}

// Remove removes something.
func (f *Files) Remove(ctx context.Context, request *connect.Request[agentv1.RemoveRequest]) (*connect.Response[agentv1.RemoveResponse], error) {
	at, err := f.find(request.Msg.Place)
	if err != nil {
		return nil, err
	}
	return do(ctx, f, at.user, func(answer *agentv1.RemoveResponse) error {
		// destroys: what the host asks to be removed, by its path
		return fileops.Remove(at.path, request.Msg.Recursive)
	})
}

// Change changes what is told of a file, and not what is in it.
func (f *Files) Change(ctx context.Context, request *connect.Request[agentv1.ChangeRequest]) (*connect.Response[agentv1.ChangeResponse], error) {
	want := request.Msg
	at, err := f.find(want.Place)
	if err != nil {
		return nil, err
	}
	change := fileops.Change{Mode: want.Mode, Set: want.SetAttributes, Unset: want.RemoveAttributes}
	if change.Owner, err = f.owner(want.Owner); err != nil {
		return nil, err
	}
	if want.ModifiedNs != nil {
		modified := time.Unix(0, *want.ModifiedNs)
		change.Modified = &modified
	}
	return do(ctx, f, at.user, func(answer *agentv1.ChangeResponse) error {
		return fileops.Apply(at.path, want.Follow, change)
	})
}

// Watch tells what happens below a path.
func (f *Files) Watch(ctx context.Context, request *connect.Request[agentv1.WatchRequest], stream *connect.ServerStream[agentv1.WatchResponse]) error {
	at, err := f.find(request.Msg.Place)
	if err != nil {
		return err
	}
	out := newOutgoing(stream.Send)
	defer out.finish()
	err = f.pool.Do(ctx, at.user, func() error {
		return watch.Run(ctx, at.path, request.Msg.Recursive, func() error {
			return out.send(&agentv1.WatchResponse{Message: &agentv1.WatchResponse_Ready{Ready: &agentv1.WatchReady{}}})
		}, func(event watch.Event) error { return out.send(eventMessage(event)) })
	})
	return fileError(err)
}

func eventMessage(event watch.Event) *agentv1.WatchResponse {
	if event.Kind == watch.Lost {
		return &agentv1.WatchResponse{Message: &agentv1.WatchResponse_Lost{Lost: &agentv1.WatchLost{}}}
	}
	// The kinds have the contract's numbers.
	return &agentv1.WatchResponse{Message: &agentv1.WatchResponse_Event{Event: &agentv1.FileEvent{
		Kind: agentv1.FileEventKind(event.Kind), Path: []byte(event.Path), Folder: event.Folder,
	}}}
}

var errNoStart = connect.NewError(connect.CodeInvalidArgument, errors.New("the first message must be start, and say what is to be done"))

var errCutOff = fmt.Errorf("%w: it was cut off", archive.ErrInvalid)
