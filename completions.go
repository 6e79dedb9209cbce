// This file writes completion scripts for shells, from the command line's own model.

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// writeCompletions writes the script for bash, zsh or fish.
func writeCompletions(w io.Writer, shell string, app *kong.Application) error {
	var text string
	switch shell {
	case "bash":
		text = bashScript(app)
	case "zsh":
		text = "#compdef rosser\n\n" + zshFunction(app.Node, "_rosser") +
			"\nif [ \"$funcstack[1]\" = _rosser ]; then\n\t_rosser \"$@\"\nelse\n\tcompdef _rosser rosser\nfi\n"
	case "fish":
		text = fishScript(app)
	}
	_, err := io.WriteString(w, text)
	return err
}

// A wanted is what a flag or an argument takes: one of some words, a file with an extension, any file, a folder, or what no shell
// can know.
type wanted struct {
	words     []string
	extension string // without the dot
	file      bool
	folder    bool
}

// wants is what a value takes. Of files it goes by the names that the model gives them.
func wants(v *kong.Value) wanted {
	name := strings.ToLower(v.Name)
	if v.Flag != nil {
		name = strings.ToLower(v.Flag.PlaceHolder)
	}
	switch {
	case v.Enum != "":
		return wanted{words: v.EnumSlice()}
	case name == "dir":
		return wanted{folder: true}
	case strings.HasSuffix(name, ".car"):
		return wanted{file: true, extension: "car"}
	case name == "file", name == "files":
		return wanted{file: true, extension: "ros"}
	case name == "args", name == "in", name == "path":
		return wanted{file: true}
	}
	return wanted{}
}

func visible(nodes []*kong.Node) (shown []*kong.Node) {
	for _, n := range nodes {
		if !n.Hidden && n.Type == kong.CommandNode {
			shown = append(shown, n)
		}
	}
	return shown
}

// flagsOf are the flags that a command takes, the program's own last.
func flagsOf(n *kong.Node) (flags []*kong.Flag) {
	for ; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				flags = append(flags, f)
			}
		}
	}
	return flags
}

// spellings are a flag as it can be typed.
func spellings(f *kong.Flag) []string {
	if f.Short == 0 {
		return []string{"--" + f.Name}
	}
	return []string{"--" + f.Name, "-" + string(f.Short)}
}

func takesValue(f *kong.Flag) bool { return !f.IsBool() && !f.IsCounter() }

// pathOf is a command as it is typed, without the program.
func pathOf(n *kong.Node) string {
	if n.Parent == nil {
		return ""
	}
	return strings.TrimSpace(pathOf(n.Parent) + " " + n.Name)
}

// summary is the first sentence of a help text.
func summary(help string) string {
	if i := strings.Index(help, ". "); i >= 0 {
		help = help[:i]
	}
	return strings.TrimSuffix(help, ".")
}

// eachCommand calls f with a command and all below it.
func eachCommand(n *kong.Node, f func(*kong.Node)) {
	f(n)
	for _, c := range visible(n.Children) {
		eachCommand(c, f)
	}
}

// bashScript is a table and the function that looks things up in it: under the path of a command its commands, under path and flag
// what the flag takes, under path and :flags its flags, under path, colon and number what that argument takes, under path and :* what
// the further ones take. Bash parts words at = and : before the function sees them.
func bashScript(app *kong.Application) string {
	var table strings.Builder
	entry := func(key, value string) { fmt.Fprintf(&table, "\t%s) echo %s ;;\n", quote(key), quote(value)) }
	eachCommand(app.Node, func(n *kong.Node) {
		path := pathOf(n)
		var names, flags []string
		for _, c := range visible(n.Children) {
			names = append(names, c.Name)
		}
		entry(path, strings.Join(names, " "))
		for _, f := range flagsOf(n) {
			for _, name := range spellings(f) {
				flags = append(flags, name)
				if takesValue(f) {
					entry(path+" "+name, wants(f.Value).bash())
				}
			}
		}
		entry(path+" :flags", strings.Join(flags, " "))
		for i, p := range n.Positional {
			number := fmt.Sprint(i)
			if p.IsCumulative() {
				number = "*"
			}
			entry(path+" :"+number, wants(p).bash())
		}
	})
	return "# Completion of rosser for bash.\n\n_rosser_knows() {\n\tcase $1 in\n" + table.String() + "\t*) return 1 ;;\n\tesac\n}\n" + `
_rosser() {
	local cur=${COMP_WORDS[COMP_CWORD]} path= flag= want= seen=0 i w
	for ((i = 1; i < COMP_CWORD; i++)); do
		w=${COMP_WORDS[i]}
		if [[ -n $flag ]]; then
			[[ $w == = ]] || flag=
		elif [[ $w == -* ]]; then
			_rosser_knows "$path $w" >/dev/null && flag=$w
		elif [[ $seen == 0 ]] && _rosser_knows "${path:+$path }$w" >/dev/null; then
			path=${path:+$path }$w
		elif [[ $w != : && ${COMP_WORDS[i - 1]} != : ]]; then
			((seen += 1))
		fi
	done
	[[ $cur == = || $cur == : ]] && cur=
	[[ $seen != 0 && ${COMP_WORDS[COMP_CWORD - 1]} == : ]] && ((seen -= 1))
	COMPREPLY=()
	if [[ -n $flag ]]; then
		want=$(_rosser_knows "$path $flag")
	elif [[ $cur == -* ]]; then
		want=$(_rosser_knows "$path :flags")
	else
		[[ $seen == 0 ]] && want=$(_rosser_knows "$path")
		[[ -n $want ]] || want=$(_rosser_knows "$path :$seen" || _rosser_knows "$path :*")
	fi
	while IFS= read -r w; do
		COMPREPLY+=("$w")
	done < <(
		case $want in
		@folder) compgen -d -- "$cur" ;;
		@file) compgen -f -- "$cur" ;;
		@*) compgen -f -X "!*.${want#@}" -- "$cur"; compgen -d -- "$cur" ;;
		*) compgen -W "$want" -- "$cur" ;;
		esac
	)
	[[ $want == @* ]] && compopt -o filenames 2>/dev/null
	return 0
}

complete -F _rosser rosser
`
}

func (w wanted) bash() string {
	switch {
	case w.words != nil:
		return strings.Join(w.words, " ")
	case w.folder:
		return "@folder"
	case w.extension != "":
		return "@" + w.extension
	case w.file:
		return "@file"
	}
	return ""
}

// quote makes one word of a text, for any of the shells.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// zshFunction is the function of a command, and those of the commands below it.
func zshFunction(n *kong.Node, name string) string {
	var out, below strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`)
	fmt.Fprintf(&out, "%s() {\n\tlocal state line\n\tlocal -a commands\n\t_arguments -S -C", name)
	for _, f := range flagsOf(n) {
		for _, spec := range spellings(f) {
			if takesValue(f) && strings.HasPrefix(spec, "--") {
				spec += "="
			}
			spec += "[" + escape.Replace(summary(f.Help)) + "]"
			if takesValue(f) {
				spec += ":" + escape.Replace(f.Name) + ":" + wants(f.Value).zsh()
			}
			fmt.Fprintf(&out, " \\\n\t\t%s", quote(spec))
		}
	}
	commands := visible(n.Children)
	if len(commands) > 0 {
		out.WriteString(" \\\n\t\t'1: :->command' \\\n\t\t'*:: :->rest'\n\tcase $state in\n\tcommand)\n\t\tcommands=(")
		for _, c := range commands {
			out.WriteString("\n\t\t\t" + quote(c.Name+":"+escape.Replace(summary(c.Help))))
		}
		out.WriteString("\n\t\t)\n\t\t_describe command commands\n\t\t;;\n\trest)\n\t\tcase $words[1] in\n")
		for _, c := range commands {
			fmt.Fprintf(&out, "\t\t%s) %s_%s ;;\n", c.Name, name, c.Name)
			below.WriteString("\n" + zshFunction(c, name+"_"+c.Name))
		}
		out.WriteString("\t\tesac\n\t\t;;\n\tesac\n")
	} else {
		for i, p := range n.Positional {
			number := fmt.Sprint(i + 1)
			if p.IsCumulative() {
				number = "*"
			}
			fmt.Fprintf(&out, " \\\n\t\t%s", quote(number+":"+escape.Replace(p.Name)+":"+wants(p).zsh()))
		}
		out.WriteString("\n")
	}
	return out.String() + "}\n" + below.String()
}

func (w wanted) zsh() string {
	switch {
	case w.words != nil:
		return "(" + strings.Join(w.words, " ") + ")"
	case w.folder:
		return "_files -/"
	case w.extension != "":
		return `_files -g "*.` + w.extension + `(-.)"`
	case w.file:
		return "_files"
	}
	return " "
}

// fishScript has a line for each command, flag and argument, with the condition under which it applies.
func fishScript(app *kong.Application) string {
	var out strings.Builder
	out.WriteString("# Completion of rosser for fish.\n\ncomplete -c rosser -f\n")
	quote := func(text string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
	}
	eachCommand(app.Node, func(n *kong.Node) {
		var known []string // commands that may not have been typed yet
		for _, c := range visible(n.Children) {
			known = append(known, c.Name)
		}
		var conditions []string
		for p := n; p.Parent != nil; p = p.Parent {
			conditions = append([]string{"__fish_seen_subcommand_from " + p.Name}, conditions...)
		}
		if len(known) > 0 {
			conditions = append(conditions, "not __fish_seen_subcommand_from "+strings.Join(known, " "))
		}
		when := "complete -c rosser -n " + quote(strings.Join(conditions, "; and "))
		for _, c := range visible(n.Children) {
			fmt.Fprintf(&out, "%s -a %s -d %s\n", when, c.Name, quote(summary(c.Help)))
		}
		for _, f := range n.Flags {
			if f.Hidden {
				continue
			}
			line := when
			if n.Parent == nil {
				line = "complete -c rosser" // at any place
			}
			line += " -l " + f.Name
			if f.Short != 0 {
				line += " -s " + string(f.Short)
			}
			if takesValue(f) {
				w := wants(f.Value)
				if w.words != nil || w.folder {
					line += " -f" // no other files
				}
				line += " -r" + w.fish(quote)
			}
			fmt.Fprintf(&out, "%s -d %s\n", line, quote(summary(f.Help)))
		}
		seen := ""
		for _, p := range n.Positional {
			if takes := wants(p).fish(quote); takes != "" && takes != seen {
				fmt.Fprintf(&out, "%s%s\n", when, takes)
				seen = takes
			}
		}
	})
	return out.String()
}

func (w wanted) fish(quote func(string) string) string {
	switch {
	case w.words != nil:
		return " -a " + quote(strings.Join(w.words, " "))
	case w.folder:
		return " -a '(__fish_complete_directories)'"
	case w.extension != "":
		return " -a '(__fish_complete_suffix ." + w.extension + ")'"
	case w.file:
		return " -F"
	}
	return ""
}
