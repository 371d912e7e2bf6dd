package browser

// WritePage is writePage, which some systems need.
var WritePage = writePage
