"""What vendors share: plain typed functions and small Structs, from which a vendor folder is built."""
