;; Wants an interface that no host has.
(component
  (import "wasi:sockets/tcp@0.2.12" (instance (export "grab" (func))))
  (core module $m (func (export "take")))
  (core instance $i (instantiate $m))
  (func (export "take") (canon lift (core func $i "take"))))
