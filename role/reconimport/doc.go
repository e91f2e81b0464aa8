// Package reconimport reads a folder of a bank's files into recon/foreign: it walks the
// folder, opens the files, and brings keys from a keystore.
//
// Nothing outside the folder is read: the folder is opened as a root, links are not
// followed, and whatever is no regular file is reported and left alone.
package reconimport
