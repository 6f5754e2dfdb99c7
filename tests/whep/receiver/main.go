// A WHEP player (RFC 9725 turned round, draft-ietf-wish-whep) on top of pion, that shares no code
// with petstream: it receives for a while, says goodbye, and prints what it saw as JSON.
//
//	receiver [-trickle] [-deaf-but-to ADDRESS] URL COUNT
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pion/ice/v2"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v3"
)

const patience = 20 * time.Second

// Report is what the test reads.
type Report struct {
	Status   int      `json:"status"`
	Location string   `json:"location"`
	ETag     string   `json:"etag"`
	Links    []string `json:"links"`
	Patch    int      `json:"patch"`  // status of the trickled candidates, 0 if there were none
	Delete   int      `json:"delete"` // status of the goodbye
	MimeType string   `json:"mime_type"`
	Fmtp     string   `json:"fmtp"`
	Units    int      `json:"units"` // access units
	Lost     int      `json:"lost"`  // packets
	Types    [][]int  `json:"types"` // NAL unit types of each access unit
}

func main() {
	trickle := flag.Bool("trickle", false, "send candidates after the offer, by PATCH")
	only := flag.String("deaf-but-to", "", "hear nothing that comes from another address, by UDP")
	flag.Parse()
	count, err := strconv.Atoi(flag.Arg(1))
	if err == nil {
		err = receive(flag.Arg(0), count, *trickle, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

func receive(endpoint string, count int, trickle bool, only string) error {
	connection, err := connect(only)
	if err != nil {
		return err
	}
	defer connection.Close()
	report := &Report{}
	done := make(chan error, 1)
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		report.MimeType = track.Codec().MimeType
		report.Fmtp = track.Codec().SDPFmtpLine
		done <- read(track, count, report)
	})
	session, err := negotiate(connection, endpoint, trickle, report)
	if err != nil {
		return err
	}
	select {
	case err = <-done:
	case <-time.After(patience):
		err = errors.New("not enough access units in time")
	}
	if err != nil {
		return err
	}
	if report.Delete, _, err = call(http.MethodDelete, session, "", "", nil); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

// connect makes a peer connection that knows H.264 only, and this machine only.
func connect(only string) (*webrtc.PeerConnection, error) {
	media := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	for payloadType, profile := range map[webrtc.PayloadType]string{102: "42e01f", 104: "4d001f", 106: "640c1f"} {
		parameters := webrtc.RTPCodecParameters{PayloadType: payloadType, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType:     webrtc.MimeTypeH264,
			ClockRate:    90000,
			SDPFmtpLine:  "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile,
			RTCPFeedback: feedback,
		}}
		if err := media.RegisterCodec(parameters, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	settings := webrtc.SettingEngine{}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(address net.IP) bool { return address.IsLoopback() })
	if only != "" {
		socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, &deaf{socket, only}))
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(settings))
	connection, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	_, err = connection.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	return connection, err
}

// deaf is a socket that hears one address only, as behind a firewall.
type deaf struct {
	net.PacketConn
	only string
}

// ReadFrom waits for a datagram from that address.
func (socket *deaf) ReadFrom(buffer []byte) (int, net.Addr, error) {
	for {
		size, from, err := socket.PacketConn.ReadFrom(buffer)
		if err != nil || from.(*net.UDPAddr).IP.String() == socket.only {
			return size, from, err
		}
	}
}

// negotiate posts the offer, takes the answer, and gives the address of the session.
func negotiate(connection *webrtc.PeerConnection, endpoint string, trickle bool, report *Report) (string, error) {
	offer, err := connection.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(connection)
	if err = connection.SetLocalDescription(offer); err != nil {
		return "", err
	}
	body := offer.SDP
	if !trickle {
		<-gathered
		body = connection.LocalDescription().SDP
	}
	status, answer, err := call(http.MethodPost, endpoint, "application/sdp", body, report)
	if err != nil {
		return "", err
	}
	if report.Status = status; status != http.StatusCreated {
		return "", fmt.Errorf("POST: %d %s", status, answer)
	}
	base, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	session, err := base.Parse(report.Location)
	if err != nil {
		return "", err
	}
	if trickle {
		<-gathered
		fragment := fragment(connection.LocalDescription().SDP)
		report.Patch, _, err = call(http.MethodPatch, session.String(), "application/trickle-ice-sdpfrag", fragment, report)
		if err != nil {
			return "", err
		}
	}
	description := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}
	return session.String(), connection.SetRemoteDescription(description)
}

// fragment keeps of a description what RFC 8840 wants of trickled candidates.
func fragment(description string) string {
	kept := []string{}
	for _, line := range strings.Split(description, "\r\n") {
		for _, prefix := range []string{"a=ice-ufrag:", "a=ice-pwd:", "m=", "a=mid:", "a=candidate:", "a=end-of-candidates"} {
			if strings.HasPrefix(line, prefix) {
				kept = append(kept, line)
			}
		}
	}
	return strings.Join(kept, "\r\n") + "\r\n"
}

func call(method, address, mediaType, body string, report *Report) (int, string, error) {
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if mediaType != "" {
		request.Header.Set("Content-Type", mediaType)
	}
	if method == http.MethodPatch {
		request.Header.Set("If-Match", report.ETag)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	if method == http.MethodPost {
		report.Location = response.Header.Get("Location")
		report.ETag = response.Header.Get("ETag")
		report.Links = response.Header.Values("Link")
	}
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// read counts access units until there are enough.
func read(track *webrtc.TrackRemote, count int, report *Report) error {
	depacketizer := &codecs.H264Packet{}
	var last *rtp.Packet
	unit := []byte{}
	for report.Units < count {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return err
		}
		if last != nil {
			report.Lost += int(packet.SequenceNumber - last.SequenceNumber - 1)
		}
		last = packet
		part, err := depacketizer.Unmarshal(packet.Payload)
		if err != nil {
			return err
		}
		if unit = append(unit, part...); packet.Marker {
			report.Units++
			report.Types = append(report.Types, types(unit))
			unit = unit[:0]
		}
	}
	return nil
}

// types are those of the NAL units of an access unit in Annex B.
func types(unit []byte) []int {
	found := []int{}
	for _, nal := range strings.Split(string(unit), "\x00\x00\x00\x01") {
		if nal != "" {
			found = append(found, int(nal[0]&0x1f))
		}
	}
	return found
}
