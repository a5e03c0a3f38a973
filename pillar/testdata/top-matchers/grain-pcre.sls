grain-pcre: 1
