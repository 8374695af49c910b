"""Pages that learn: a program as WebAssembly, with all that shows it, in one file of HTML."""
