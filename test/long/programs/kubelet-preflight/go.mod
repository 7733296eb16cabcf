module banger.dev/kubelet-preflight

go 1.26.0

require k8s.io/system-validators v1.12.1

require (
	github.com/blang/semver/v4 v4.0.0 // indirect
	golang.org/x/sys v0.27.0 // indirect
)
