//! A corpus that needs no data: German number words, prices, dates, times and short sentences around them, with their
//! English, from a grammar.
