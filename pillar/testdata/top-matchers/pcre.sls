pcre: 1
