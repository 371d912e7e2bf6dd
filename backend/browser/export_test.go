package browser

// WritePage is writePage, which some systems need, and Argument is argument.
var (
	WritePage = writePage
	Argument  = argument
)
