package link

// For tests of the package from outside.
var (
	Patiently = patiently
	Patience  = patience
	Rebuild   = (*Linker).rebuild
)
