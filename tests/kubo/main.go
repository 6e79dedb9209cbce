// Command kubo is kubo as it is, for the tests to run rosser against: `./.ci/kubo` builds it. It is a module of its own, so that nothing of it gets
// into Rosser's; go.mod has its version.
package main

import (
	"os"

	"github.com/ipfs/kubo/cmd/ipfs/kubo"
)

func main() { os.Exit(kubo.Start(kubo.BuildDefaultEnv)) }
