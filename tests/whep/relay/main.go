// A TURN server (RFC 8656) on top of pion, on 127.0.0.1: it prints its port, and relays from
// another address of the loopback interface until its input ends.
//
//	relay ADDRESS USER PASSWORD
package main

import (
	"fmt"
	"io"
	"net"
	"os"

	"github.com/pion/turn/v2"
)

func main() {
	if err := serve(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func serve(address, user, password string) error {
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "petstream",
		AuthHandler: func(username, realm string, _ net.Addr) ([]byte, bool) {
			return turn.GenerateAuthKey(username, realm, password), username == user
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: socket,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
				RelayAddress: net.ParseIP(address),
				Address:      address,
			},
		}},
	})
	if err != nil {
		return err
	}
	fmt.Println(socket.LocalAddr().(*net.UDPAddr).Port)
	if _, err = io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return server.Close()
}
