"""obstore and fsspec: an upload in parts that another process can go on with is not offered.

The contract asks more than the libraries promise. Both upload large content in parts by
themselves, within one call or one open file; neither gives the upload a name.
"""

import sys

import fsspec
import obstore

wanted = {"begin_upload", "create_multipart", "create_multipart_upload", "initiate_upload"}
names = set(dir(obstore)) | set(dir(fsspec.AbstractFileSystem))
found = sorted(wanted & names)
print("expected: a call that begins an upload and answers its id")
print(f"happened: {found or 'there is none'}")
sys.exit(1 if found else 0)
