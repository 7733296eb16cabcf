// Command kubelet-preflight looks at a machine as kubeadm does before it starts a kubelet: with the same validators of
// operating system, kernel configuration and cgroups. It ends with 1 if one of them objects.
//
// Each argument is a kernel option to require besides, by its name without CONFIG_.
package main

import (
	"fmt"
	"os"

	system "k8s.io/system-validators/validators"
)

func main() {
	spec := system.DefaultSysSpec
	for _, option := range os.Args[1:] {
		spec.KernelSpec.Required = append(spec.KernelSpec.Required, system.KernelConfig{Name: option})
	}
	warnings, problems := system.ValidateSpec(spec, "")
	for _, warning := range warnings {
		fmt.Println("warning:", warning)
	}
	for _, problem := range problems {
		fmt.Println("error:", problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}
