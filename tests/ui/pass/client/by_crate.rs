//! Each crate has the attribute.

mod hub {
    #[brpc_socket::client]
    pub trait Greeter {
        fn greet(&self, name: String) -> String;
    }
}

mod interface {
    #[brpc_core::client]
    pub trait Greeter {
        fn greet(&self, name: String) -> String;
    }
}

mod plugin {
    pub struct Greeter;

    #[brpc_plugin::plugin(client)]
    impl Greeter {
        pub fn greet(&self, name: String) -> String {
            name
        }
    }
}

#[test]
fn each_has_the_attribute() {
    let socket = brpc::Socket::default();
    drop(hub::GreeterClient::new(&socket, "greeter").greet(String::new()));
    drop(interface::GreeterClient::new(&socket, "greeter").greet(String::new()));
    drop(plugin::GreeterClient::new(&socket, "greeter").greet(String::new()));
}
