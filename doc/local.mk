dist_man_MANS += %D%/twokey.1 %D%/twokeyd.8
dist_doc_DATA += README ChangeLog %D%/protocol.txt
