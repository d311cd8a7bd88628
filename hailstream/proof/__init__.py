"""An independent recount: what the log says the stream should have said."""
