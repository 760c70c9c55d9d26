use brpc::Socket;

fn main() {
    Socket::default().serve("127.0.0.1:8080");
}
