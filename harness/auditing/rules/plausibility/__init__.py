"""Rules on what is physically possible, by data sheets and by what contains what."""
