package cli

// usageTemplate is cobra's with the two sections that every help ends with. A
// command that has others below it and says what it takes does something itself.
func usageTemplate() string {
	return `USAGE

{{- if or (not .HasAvailableSubCommands) (ne .Use .Name)}}
  {{.UseLine}}{{end}}
{{- if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}
{{- if .HasAvailableSubCommands}}

COMMANDS
{{- range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

FLAGS
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}

EXIT STATUS
` + exitHelp() + `

EXAMPLE
{{.Example}}
`
}
