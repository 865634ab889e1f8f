"""One file a family of routes: a route reads, calls one function of the gallery, answers."""
