module example.com/brpc-go

go 1.23
