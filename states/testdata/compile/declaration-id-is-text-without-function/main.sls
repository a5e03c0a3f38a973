vim: installed
