// This file runs something again and again, whenever a file changes that it read.

package repl

import (
	"context"
	"io"
)

func watch(ctx context.Context, o Options, w io.Writer, paths []string, once func(context.Context, Options) error, file string) error {
	return nil
}
