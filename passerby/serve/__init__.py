"""Server: galleries over HTTP, and the page that people use in a browser (docs/server.md).

A request passes the guards (`guards/`) before anything of it is stored or decoded; `asking/` reads
what it asks, a file of `routes/` answers it by one function of the gallery, in a thread of
`working/` that has the gallery to itself.
"""
