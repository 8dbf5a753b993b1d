//! This program once more, as a server in a process of its own.

use std::{
    io::BufRead as _,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

pub(crate) struct OtherSelf {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl OtherSelf {
    /// Which server it is says the variable; first of all it prints its address.
    pub(crate) fn start(variable: &str, value: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program).env(variable, value).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        std::io::BufReader::new(stdout).read_line(&mut line).expect("its address");
        Self { child, address: line.trim().parse().expect("an address") }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for OtherSelf {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
