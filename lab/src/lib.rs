//! A throw-away cluster of real minions on one machine.

pub mod kubeadm;
