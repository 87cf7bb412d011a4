"""The desk's queue: one readable line a case, so that ten thousand can be put in order without opening one."""
