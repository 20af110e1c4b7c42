dist_man_MANS += doc/twokey.1 doc/twokeyd.8
dist_doc_DATA += README ChangeLog doc/protocol.txt doc/processes.txt doc/laws.txt doc/approval.txt doc/engines.txt
