"""The provider ``etcd``: kv and locks over the v3 JSON gateway of etcd 3.4 and newer."""
