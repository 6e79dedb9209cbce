// This file shows something that changes with keys, such as a walk forwards and back.

package edit

import (
	"context"
	"io"
	"os"

	tea "charm.land/bubbletea/v2"
)

// Show draws a text on a terminal, and draws it anew after each key, until key returns false. What was drawn last stays. It may be
// called while an Editor's entry is handled.
func Show(ctx context.Context, in *os.File, out io.Writer, draw func(width, height int) string, key func(name string) bool) error {
	p := tea.NewProgram(&viewer{draw: draw, key: key}, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	_, err := p.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// A viewer is Show at work.
type viewer struct {
	draw          func(width, height int) string
	key           func(string) bool
	width, height int
}

func (v *viewer) Init() tea.Cmd { return nil }

func (v *viewer) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		v.width, v.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		if !v.key(msg.String()) {
			return v, tea.Quit
		}
	}
	return v, nil
}

func (v *viewer) View() tea.View {
	if v.width == 0 {
		return tea.NewView("")
	}
	return tea.NewView(v.draw(v.width, v.height) + "\n")
}
