"""What `inpaint` does: which files to fill (`jobs`), one of them (`work`), all of them (`folder`, `crew`)."""
